// Decodes the wire's columns of numbers: plain arrays, or base64 of little-endian 8-byte numbers.

export type Column = readonly (number | string)[] | string

/** A metric value as it travels: JSON has no word for NaN and the infinities. */
export function toValue(value: number | string): number {
  return Number(value)
}

export function toInteger(value: number | string): number {
  return Number(value)
}

export function decodeValues(column: Column): Float64Array<ArrayBuffer> {
  if (typeof column !== 'string') return Float64Array.from(column, Number)
  const view = bytes(column)
  const values = new Float64Array(view.byteLength / 8)
  for (let index = 0; index < values.length; index++) {
    values[index] = view.getFloat64(index * 8, true)
  }
  return values
}

/** Integers beyond 2^53 are rounded to the nearest number. */
export function decodeIntegers(column: Column): Float64Array<ArrayBuffer> {
  if (typeof column !== 'string') return Float64Array.from(column, Number)
  const view = bytes(column)
  const values = new Float64Array(view.byteLength / 8)
  for (let index = 0; index < values.length; index++) {
    const low = view.getUint32(index * 8, true)
    const high = view.getInt32(index * 8 + 4, true)
    values[index] = high * 4294967296 + low
  }
  return values
}

function bytes(base64: string): DataView {
  const binary = atob(base64)
  const array = new Uint8Array(binary.length)
  for (let index = 0; index < binary.length; index++) array[index] = binary.charCodeAt(index)
  return new DataView(array.buffer)
}
