/**
 * Who takes part. To add one, add a row to the list of its store; what it needs and is not there leaves it out, with a
 * line that says so.
 *
 * | field | |
 * |---|---|
 * | `name` | what it is called on the command line and in tables |
 * | `role` | `bare` and `floor` are what others are measured against, `ours`, `variant` (ours too, without a target), `peer` |
 * | `framework`, `store` | what it runs on: contenders are compared with those of the same framework and store |
 * | `library` | what it is called in `targets.js`, where that is not its name |
 * | `needs` | the packages that must be installed, or subpaths of `sojourn` that must be built |
 * | `programs` | the programs that must be installed |
 * | `app` | gives, once its packages are loaded, a listener for `http.createServer` |
 *
 * @module
 */
import { inMemory } from './memory.js'
import { onOthers } from './others.js'
import { onRedis } from './redis.js'
import { onSql } from './sql.js'

export const contenders = [...inMemory, ...onRedis, ...onSql, ...onOthers]
