/**
 * The three functions of the metadata proposal that `@peculiar/x509` (through tsyringe) asks for when it is
 * loaded. Must be imported before it. Keeps a polyfill that is already there.
 */
type Metadata = Map<unknown, unknown>
interface MetadataReflect {
  getMetadata?: (key: unknown, target: object) => unknown
  getOwnMetadata?: (key: unknown, target: object) => unknown
  defineMetadata?: (key: unknown, value: unknown, target: object) => void
}

const store = new WeakMap<object, Metadata>()
const reflect = Reflect as MetadataReflect

reflect.defineMetadata ??= (key, value, target) => {
  const known = store.get(target) ?? new Map()
  known.set(key, value)
  store.set(target, known)
}
reflect.getOwnMetadata ??= (key, target) => store.get(target)?.get(key)
reflect.getMetadata ??= (key, target) => {
  for (let at: object | null = target; at; at = Object.getPrototypeOf(at)) {
    const value = store.get(at)?.get(key)
    if (value !== undefined) return value
  }
  return undefined
}
