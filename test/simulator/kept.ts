/** Connections stay open as long as a test lasts: when a server closes one must not depend on how busy the machine is. */
export const KEPT = { keepAliveTimeout: 600_000, requestTimeout: 0, connectionsCheckingInterval: 600_000 } as const;
