/** The engine of n8n-nodes-hybrid-sync, for its nodes, for tests and for other programs. */
export { HybridSyncError, type HybridSyncErrorCode } from './errors';
export { type ProviderEvent, type SyncEvent, isSyncEvent, toSyncEvent } from './event/event';
export { parseTime } from './event/time';
export { type ClaimResult, type Ledger, type RecordResult, createLedger } from './ledger/ledger';
export { openLedger } from './ledger/open';
export { openSqlite } from './ledger/sqlite';
export { sampleEvents } from './poll/sample';
export { type Start, type TickResult, runTick } from './poll/tick';
export { HOSTS as getResponseHosts, accessOf as getResponseAccess } from './provider/getresponse/credential';
export type { PollResource, Provider } from './provider/provider';
export { type ProviderName, providers } from './provider/registry';
export { type Receipt, receive } from './push/receive';
export { countRefusal } from './push/refusals';
export { type SignatureScheme, schemes } from './signature/schemes';
export { type SignatureFailure, type SignatureResult, type SignedRequest, verifySignature } from './signature/verify';
