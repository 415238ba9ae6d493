// What is in the trash of a run, and taking back what was just put there.
import { ask, change } from '#api/client.ts'
import { RestoreArtifactsDocument, TrashedArtifactsDocument } from '#api/generated.ts'
import { toEntry } from './store.ts'
import { type Entry, lastDeleted } from './tree.ts'

const [PAGE, AT_ONCE] = [500, 500]

export interface TrashPage {
  entries: Entry[]
  after: string | null
}

export async function fetchTrash(runId: string, after: string | null): Promise<TrashPage> {
  const { run } = await ask(TrashedArtifactsDocument, { id: runId, first: PAGE, after })
  const { nodes = [], pageInfo } = run?.trashedArtifacts ?? {}
  return {
    entries: nodes.map(toEntry),
    after: pageInfo?.hasNextPage ? (pageInfo.endCursor ?? null) : null,
  }
}

export async function restoreDeleted(runId: string, path: string): Promise<void> {
  const entries: Entry[] = []
  let after: string | null = null
  do {
    const page: TrashPage = await fetchTrash(runId, after)
    entries.push(...page.entries)
    after = page.after
  } while (after)
  await restore(runId, lastDeleted(entries, path))
}

export async function restore(runId: string, entries: readonly Entry[]): Promise<void> {
  const ids = entries.map(({ id }) => id)
  for (let at = 0; at < ids.length; at += AT_ONCE) {
    await change(RestoreArtifactsDocument, { input: { runId, ids: ids.slice(at, at + AT_ONCE) } })
  }
}
