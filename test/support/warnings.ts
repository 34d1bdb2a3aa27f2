/** The process warnings that something raises. */
import { settled } from './scene.ts'

export async function warnings(run: () => unknown): Promise<(Error & { code?: string })[]> {
  const seen: Error[] = []
  const listener = (warning: Error): void => void seen.push(warning)
  process.on('warning', listener)
  try {
    await run()
    await settled()
  } finally {
    process.off('warning', listener)
  }
  return seen
}
