// How numbers, durations and times are written.

const grouped = new Intl.NumberFormat('en-US')

export function formatCount(count: number): string {
  return grouped.format(count)
}

/** A few significant digits that fit a column; the exact value is shown on hover. */
export function formatValue(value: number, digits = 5): string {
  if (Number.isNaN(value)) return 'NaN'
  if (!Number.isFinite(value)) return value > 0 ? '∞' : '−∞'
  if (value === 0) return '0'
  const size = Math.abs(value)
  if (size >= 1e7 || size < 1e-4) {
    const [mantissa = '', exponent = ''] = value.toExponential(Math.min(3, digits - 1)).split('e')
    return minus(`${trim(mantissa)}e${exponent.replace('+', '')}`)
  }
  if (Number.isInteger(value)) return minus(String(value))
  return minus(trim(value.toPrecision(digits)))
}

function trim(digits: string): string {
  return digits.includes('.') ? digits.replace(/\.?0+$/, '') : digits
}

function minus(text: string): string {
  return text.replaceAll('-', '−')
}

export function formatDuration(ms: number): string {
  if (ms < 0) return '0 s'
  if (ms < 1000) return `${Math.round(ms)} ms`
  const seconds = ms / 1000
  if (seconds < 10) return `${trim(seconds.toFixed(1))} s`
  const whole = Math.floor(seconds)
  if (whole < 60) return `${whole} s`
  const minutes = Math.floor(whole / 60)
  if (minutes < 60) return `${minutes} m ${pad(whole % 60)} s`
  const hours = Math.floor(minutes / 60)
  if (hours < 24) return `${hours} h ${pad(minutes % 60)} m`
  return `${Math.floor(hours / 24)} d ${pad(hours % 24)} h`
}

/** A span on a time axis: as short as the distance between ticks allows. */
export function formatSpan(seconds: number, tick: number): string {
  if (tick < 1) return `${trim(seconds.toFixed(3))} s`
  const sign = seconds < 0 ? '−' : ''
  const whole = Math.round(Math.abs(seconds))
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60]
  if (tick >= 3600) return `${sign}${h} h`
  if (h > 0) return `${sign}${h}:${pad(m)}${tick < 60 ? `:${pad(s)}` : ' h'}`
  if (tick >= 60) return `${sign}${m} m`
  return m > 0 ? `${sign}${m}:${pad(s)}` : `${sign}${s} s`
}

export function formatClock(time: number): string {
  const date = new Date(time)
  return `${pad(date.getHours())}:${pad(date.getMinutes())}:${pad(date.getSeconds())}`
}

export function formatInstant(time: number): string {
  const date = new Date(time)
  const day = `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())}`
  return `${day} ${formatClock(time)}`
}

/** 'just now', '5 min ago', '3 h ago', then the day. */
export function formatAgo(time: number, now: number): string {
  const seconds = Math.max(0, (now - time) / 1000)
  if (seconds < 45) return 'just now'
  if (seconds < 45 * 60) return `${Math.max(1, Math.round(seconds / 60))} min ago`
  if (seconds < 22 * 3600) return `${Math.round(seconds / 3600)} h ago`
  if (seconds < 26 * 86400) return `${Math.max(1, Math.round(seconds / 86400))} d ago`
  return formatInstant(time).slice(0, 10)
}

function pad(number: number): string {
  return String(number).padStart(2, '0')
}
