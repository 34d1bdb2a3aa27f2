/** Ways from express-session to Sojourn. @module */
export { fromConnectStore } from './stores/connect.ts'
export type { ConnectSession, ConnectStore, FromConnectStore } from './stores/connect.ts'
