/**
 * Layers: what several lay on one object under one name, each over the last.
 *
 * @module
 */

/** What lies on an object itself under a name. */
export type Layer = readonly [name: string, descriptor: PropertyDescriptor | undefined]

export function layersOf(object: object, names: readonly string[]): Layer[] {
  return names.map((name) => [name, Object.getOwnPropertyDescriptor(object, name)])
}

/** Brings back what lay there: somebody else's layer too, which a `delete` would take away. */
export function restoreLayers(object: object, layers: readonly Layer[]): void {
  for (const [name, layer] of layers) {
    if (layer) Object.defineProperty(object, name, layer)
    else Reflect.deleteProperty(object, name)
  }
}
