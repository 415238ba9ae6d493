// Sizes of files, in the units that disks and networks are sold in.

const UNITS = ['kB', 'MB', 'GB', 'TB', 'PB']

export function formatBytes(bytes: number): string {
  if (bytes < 0) return 'size unknown'
  if (bytes < 1000) return `${bytes} B`
  let [value, unit] = [bytes / 1000, 0]
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000
    unit++
  }
  return `${value < 9.95 ? value.toFixed(1) : Math.round(value)} ${UNITS[unit]}`
}
