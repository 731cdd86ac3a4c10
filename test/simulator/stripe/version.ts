/** The API version of the account: events and answers have its form. */
export const API_VERSION = '2026-09-30.endive';
