// The names in a zip, read from its end: of an archive of any size a few kilobytes are fetched.
import { ApiError } from '#api/errors.ts'

export interface Member {
  name: string
  size: number
}

/** Reads bytes from one place up to another; from a negative place, the last ones. */
export type ReadRange = (start: number, end: number | null) => Promise<ReadBytes>

export interface ReadBytes {
  bytes: Uint8Array
  /** Of the whole file. */
  size: number
}

const [END, ENTRY] = [0x06054b50, 0x02014b50]
// The end record, and the longest comment that may stand behind it.
const TAIL = 22 + 65_535

export async function listZip(read: ReadRange): Promise<Member[]> {
  const tail = await read(-TAIL, null)
  const view = viewOf(tail.bytes)
  let at = tail.bytes.length - 22
  while (at >= 0 && view.getUint32(at, true) !== END) at--
  if (at < 0) throw new ApiError('INVALID_INPUT', 'This is no zip archive.')
  const count = view.getUint16(at + 10, true)
  const [length, offset] = [view.getUint32(at + 12, true), view.getUint32(at + 16, true)]
  if (count === 0xffff || offset === 0xffffffff) {
    throw new ApiError('INVALID_INPUT', 'The archive is too large to be listed; download it.')
  }
  const start = tail.size - tail.bytes.length
  const directory =
    offset >= start
      ? tail.bytes.subarray(offset - start, offset - start + length)
      : (await read(offset, offset + length)).bytes
  return readDirectory(directory)
}

function readDirectory(bytes: Uint8Array): Member[] {
  const view = viewOf(bytes)
  const text = new TextDecoder()
  const members: Member[] = []
  for (let at = 0; at + 46 <= bytes.length && view.getUint32(at, true) === ENTRY; ) {
    const [name, extra, comment] = [28, 30, 32].map((place) => view.getUint16(at + place, true))
    const end = at + 46 + (name ?? 0)
    const path = text.decode(bytes.subarray(at + 46, end))
    if (!path.endsWith('/')) members.push({ name: path, size: view.getUint32(at + 24, true) })
    at = end + (extra ?? 0) + (comment ?? 0)
  }
  return members.sort((a, b) => (a.name < b.name ? -1 : 1))
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
