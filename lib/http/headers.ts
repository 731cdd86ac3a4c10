/** Headers as Node.js gives them: names in lower case, a list where a name came several times. */
export type HttpHeaders = Readonly<Record<string, string | string[] | undefined>>;
