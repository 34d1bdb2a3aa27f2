/** Ways from express-session to Sojourn, and from one store to another. @module */
export type { Claim, Claims, Predecessor } from './core/predecessor.ts'
export { fromExpressSession } from './migrate/express-session.ts'
export type { FromExpressSession } from './migrate/express-session.ts'
export { fromConnectStore } from './stores/connect.ts'
export type { ConnectSession, ConnectStore, FromConnectStore } from './stores/connect.ts'
export { migratingStore } from './migrate/migrating.ts'
export type { MigratingStore, MigratingStoreOptions, MigrationCounts } from './migrate/migrating.ts'
