// Experiments as folders: a name with slashes stands in the folders before them.

export interface Leaf {
  id: string
  name: string
  runCount: number
  activeRunCount: number
}

export interface Branch<T extends Leaf> {
  /** The last part of the path. */
  label: string
  path: string
  /** The experiment of exactly this name; a folder may be one too. */
  experiment: T | null
  branches: Branch<T>[]
  runCount: number
  activeRunCount: number
}

const collator = new Intl.Collator('en', { numeric: true })

export function toTree<T extends Leaf>(experiments: readonly T[]): Branch<T>[] {
  const root = branch<T>('', '')
  for (const experiment of experiments) {
    let at = root
    for (const label of experiment.name.split('/')) {
      const path = at.path ? `${at.path}/${label}` : label
      let next = at.branches.find((each) => each.label === label)
      if (!next) {
        next = branch(label, path)
        at.branches.push(next)
      }
      at = next
    }
    at.experiment = experiment
  }
  for (const each of root.branches) sum(each)
  sort(root)
  return root.branches
}

/** The rows of a tree whose folders are open unless they are in `closed`. */
export function toRows<T extends Leaf>(
  branches: readonly Branch<T>[],
  closed: ReadonlySet<string>,
  depth = 0,
): { branch: Branch<T>; depth: number }[] {
  return branches.flatMap((each) => [
    { branch: each, depth },
    ...(closed.has(each.path) ? [] : toRows(each.branches, closed, depth + 1)),
  ])
}

function branch<T extends Leaf>(label: string, path: string): Branch<T> {
  return { label, path, experiment: null, branches: [], runCount: 0, activeRunCount: 0 }
}

function sum<T extends Leaf>(at: Branch<T>): void {
  at.runCount = at.experiment?.runCount ?? 0
  at.activeRunCount = at.experiment?.activeRunCount ?? 0
  for (const each of at.branches) {
    sum(each)
    at.runCount += each.runCount
    at.activeRunCount += each.activeRunCount
  }
}

function sort<T extends Leaf>(at: Branch<T>): void {
  at.branches.sort((a, b) => collator.compare(a.label, b.label))
  for (const each of at.branches) sort(each)
}
