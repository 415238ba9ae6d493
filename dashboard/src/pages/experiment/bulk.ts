// What is done to many runs at once, with a way back.
import { change } from '#api/client.ts'
import { toApiError } from '#api/errors.ts'
import { NameRunDocument, UpdateRunsDocument, type UpdateRunsInput } from '#api/generated.ts'
import { formatCount } from '#lib/format.ts'
import { toast } from '#ui/toasts.tsx'

// What the server takes at once.
const MOST = 10_000

/** How many were changed; what could not be is said. */
async function update(
  ids: readonly string[],
  input: Omit<UpdateRunsInput, 'runIds'>,
  failure: string,
): Promise<number> {
  let count = 0
  try {
    for (let at = 0; at < ids.length; at += MOST) {
      const runIds = ids.slice(at, at + MOST)
      const { updateRuns } = await change(UpdateRunsDocument, { input: { runIds, ...input } })
      count += updateRuns.count
    }
  } catch (cause) {
    toast(`${failure}: ${toApiError(cause).message}`)
  }
  return count
}

export async function deleteRuns(ids: readonly string[]): Promise<void> {
  const count = await update(ids, { lifecycle: 'DELETED' }, 'Not deleted')
  if (count === 0) return
  const text = count === 1 ? 'The run is' : `${formatCount(count)} runs are`
  toast(`${text} in the trash.`, { label: 'Undo', run: () => void restoreRuns(ids, true) })
}

export async function restoreRuns(ids: readonly string[], isUndo = false): Promise<void> {
  const count = await update(ids, { lifecycle: 'ACTIVE' }, 'Not restored')
  if (count === 0 || isUndo) return
  toast(`${count === 1 ? 'The run is' : `${formatCount(count)} runs are`} back.`)
}

export async function tagRuns(ids: readonly string[], key: string, value: string): Promise<void> {
  const count = await update(ids, { setTags: [{ key, value }] }, 'Not tagged')
  if (count) toast(`${formatCount(count)} ${count === 1 ? 'run is' : 'runs are'} tagged ${key}.`)
}

export async function untagRuns(ids: readonly string[], key: string): Promise<void> {
  const count = await update(ids, { deleteTags: [key] }, 'Not untagged')
  if (count) toast(`${key} is off ${formatCount(count)} ${count === 1 ? 'run' : 'runs'}.`)
}

export async function renameRun(id: string, name: string): Promise<void> {
  try {
    await change(NameRunDocument, { id, name })
  } catch (cause) {
    toast(`Not renamed: ${toApiError(cause).message}`)
  }
}
