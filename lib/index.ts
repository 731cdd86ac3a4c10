/** The engine of n8n-nodes-hybrid-sync, for its nodes, for tests and for other programs. */
export { HybridSyncError, type HybridSyncErrorCode } from './errors';
export { type SyncEvent, type ProviderEvent, isSyncEvent, syncEvent, toSyncEvent } from './event/event';
export { parseTime } from './event/time';
export { createTransport, type Transport } from './http/transport';
export { type Claimed, type Ledger, type Recorded, createLedger } from './ledger/ledger';
export { embeddedLedgerFile, openLedger } from './ledger/open';
export { openSqlite } from './ledger/sqlite';
export { type Received, receive } from './push/receive';
export { sampleEvents } from './poll/sample';
export { type Start, type TickResult, runTick } from './poll/tick';
export { providers } from './provider/registry';
export type { PollResource, Provider } from './provider/provider';
export {
	HOSTS as getResponseHosts,
	accessOf as getResponseAccess,
	requireWebhookSecret,
	transportFor as getResponseTransport,
	webhookSecrets,
} from './provider/getresponse/account';
export { schemes, type SignatureScheme } from './signature/schemes';
export { type SignatureFailure, type SignatureResult, type SignedRequest, verifySignature } from './signature/verify';
