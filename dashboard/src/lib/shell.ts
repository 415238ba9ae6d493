// Commands to paste into a shell.

export function quoteShell(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`
}

export function spellCommand(words: readonly string[]): string {
  return words.map(quoteShell).join(' ')
}

interface Checkout {
  remote: string | null
  commit: string | null
  /** Addresses of what was not committed, and of a snapshot of the whole source. */
  diffUrl: string | null
  untrackedUrl: string | null
  snapshotUrl: string | null
}

/** How to have the code as it ran; empty where nothing is known of it. */
export function checkoutCommands(source: Checkout, folder: string): string {
  const { remote, commit, diffUrl, untrackedUrl, snapshotUrl } = source
  const lines: string[] = []
  if (commit && remote) {
    const name = quoteShell(folder)
    lines.push(`git clone ${quoteShell(remote)} ${name} && cd ${name}`)
  }
  if (commit) {
    lines.push(`git checkout ${quoteShell(commit)}`)
    if (diffUrl) lines.push(`curl -fsS ${quoteShell(diffUrl)} | git apply`)
    if (untrackedUrl) lines.push(unzip(untrackedUrl))
  } else if (snapshotUrl) {
    lines.push(`mkdir -p ${quoteShell(folder)} && cd ${quoteShell(folder)}`, unzip(snapshotUrl))
  }
  return lines.join('\n')
}

function unzip(url: string): string {
  return `curl -fsS ${quoteShell(url)} -o /tmp/files.zip && unzip -o /tmp/files.zip`
}
