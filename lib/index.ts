/** The engine of n8n-nodes-hybrid-sync, for its nodes, for tests and for other programs. */
export { executionsMode } from './base/environment';
// For the nodes, so that it is bundled once.
export { LRUCache } from 'lru-cache';
export { HybridSyncError, type HybridSyncErrorCode } from './base/errors';
export { type ProviderEvent, type SyncEvent, isSyncEvent, toSyncEvent } from './event/event';
export { composeKey } from './event/key';
export { sortedFields } from './base/json';
export { parsePosition, sortableNumber } from './event/position';
export { DAY, HOUR, MINUTE, formatTime, parseTime } from './base/time';
export {
	EVERY_TYPE,
	type Claimable,
	type ClaimResult,
	type Claims,
	type EventFilter,
	type Ledger,
	type LoggedEvent,
	type LogPage,
	type LoggedState,
	type RecordResult,
	type StreamFacts,
	type Sweep,
	createLedger,
} from './ledger/ledger';
export {
	type HelperRequest,
	type HelperResponse,
	type LegacyRequest,
	credentialTestExchange,
	helperExchange,
} from './http/helper';
export { type RefusalWords, refusalWords } from './health/refusal-words';
export { DEFAULT_TARGETS, type Health, type HealthOptions, factsQuery, healthOf } from './health/health';
export { clockIn } from './base/words';
export { type Report, type ReportOptions, reportOf } from './health/report/report';
export type { Targets } from './health/slo';
export { isInternal, isLoopback } from './http/hosts';
export { type Exchange, type Transport, createTransport } from './http/transport';
export { type EgressFilter, undiciExchange } from './http/undici';
export { LONGEST_CLAIM_LEASE_MS } from './ledger/rules/lifecycle';
export { openLedger } from './ledger/open';
export { type PostgresOptions, openPostgres } from './ledger/databases/postgres';
export { postgresOptions } from './ledger/databases/postgres-credential';
export { openSqlite } from './ledger/databases/sqlite';
export { type FetchTest, type Sample, sampleEvents } from './poll/sample';
export type { Cadence } from './poll/cadence';
export type { Breadcrumb } from './poll/breadcrumb';
export type { Start } from './poll/beginning';
export { type TickOptions, type TickResult, runTick } from './poll/tick';
export { accessOf as getResponseAccess } from './provider/getresponse/credential';
export type { Choice, Field } from './provider/field';
export { type EventType, type Provider, type ProviderCredential, qualifiedType } from './provider/provider';
export type {
	ChoicesUse,
	FoundChoices,
	PollApi,
	PollResource,
	PollSource,
	PullHalf,
	PullUse,
	Searched,
} from './provider/pull';
export { type PushHalf, type PushingProvider, pushApiOf } from './provider/push';
export { type SecretKind, type WebhookService, services } from './provider/any-service/services';
export { providers } from './provider/registry';
export type { Registrar } from './provider/subscription';
export { restApi } from './provider/any-service/rest';
export { parseRestSettings } from './provider/any-service/settings';
export { type Receipt, type Receiver, type Refusal, comeAgain, receive } from './push/receive';
export { toLog } from './push/log-limit';
export { type Inspection, inspect } from './push/inspect';
export { type Registration, register, registeredSecrets, unregister } from './push/subscription';
export { countRefusal, writeRefusals } from './push/refusals';
export type { SignedRequest } from './signature/request';
export type { SignatureScheme } from './signature/scheme';
export { schemes } from './signature/schemes';
export type { SignatureFailure, SignatureResult, VerifyOptions } from './signature/result';
export { verifySignature } from './signature/verify';
