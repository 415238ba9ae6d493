// How a file is shown, told from its name and its type; and the addresses of its bytes.

export type Kind =
  | 'markdown'
  | 'json'
  | 'table'
  | 'image'
  | 'audio'
  | 'video'
  | 'pdf'
  | 'html'
  | 'diff'
  | 'zip'
  | 'text'
  | 'none'

// Highlighting by extension: names of highlight.js's languages.
const LANGUAGES: Record<string, string> = {
  bash: 'bash',
  c: 'cpp',
  cc: 'cpp',
  cfg: 'ini',
  cpp: 'cpp',
  css: 'css',
  cu: 'cpp',
  cuh: 'cpp',
  cxx: 'cpp',
  diff: 'diff',
  dockerfile: 'dockerfile',
  go: 'go',
  graphql: 'graphql',
  h: 'cpp',
  hpp: 'cpp',
  html: 'xml',
  ini: 'ini',
  ipynb: 'json',
  java: 'java',
  jl: 'julia',
  js: 'javascript',
  json: 'json',
  jsonl: 'json',
  jsx: 'javascript',
  lua: 'lua',
  makefile: 'makefile',
  mjs: 'javascript',
  ndjson: 'json',
  patch: 'diff',
  py: 'python',
  pyi: 'python',
  pyx: 'python',
  r: 'r',
  rs: 'rust',
  sh: 'bash',
  sql: 'sql',
  svg: 'xml',
  toml: 'ini',
  ts: 'typescript',
  tsx: 'typescript',
  xml: 'xml',
  yaml: 'yaml',
  yml: 'yaml',
  zsh: 'bash',
}
const PLAIN = new Set(
  'cff conf csv editorconfig env err gitignore lock log lst md out prototxt rst tex text tsv txt'.split(
    ' ',
  ),
)
const TYPES: Partial<Record<Kind, string>> = {
  markdown: 'md markdown',
  json: 'json geojson ipynb',
  table: 'csv tsv parquet pq',
  image: 'png jpg jpeg gif webp avif bmp ico svg apng',
  audio: 'wav mp3 ogg oga flac m4a aac opus',
  video: 'mp4 webm ogv mov m4v',
  pdf: 'pdf',
  html: 'html htm xhtml',
  diff: 'diff patch',
  zip: 'zip whl',
}
const BY_EXTENSION = new Map(
  Object.entries(TYPES).flatMap(([kind, names]) =>
    names.split(' ').map((name) => [name, kind as Kind]),
  ),
)

export function extensionOf(path: string): string {
  const name = (path.split('/').at(-1) ?? '').toLowerCase()
  return name.includes('.') ? (name.split('.').at(-1) ?? '') : name
}

export function languageOf(path: string): string | null {
  return LANGUAGES[extensionOf(path)] ?? null
}

export function kindOf(path: string, mediaType: string): Kind {
  const extension = extensionOf(path)
  const known = BY_EXTENSION.get(extension)
  if (known) return known
  if (LANGUAGES[extension] || PLAIN.has(extension)) return 'text'
  const type = (mediaType.split(';')[0] ?? '').trim().toLowerCase()
  if (type === 'text/html') return 'html'
  if (type === 'text/csv' || type === 'text/tab-separated-values') return 'table'
  if (type === 'text/markdown') return 'markdown'
  if (type === 'application/json') return 'json'
  if (type === 'application/pdf') return 'pdf'
  if (/^image\/(png|jpeg|gif|webp|avif|bmp|svg\+xml|x-icon)$/.test(type)) return 'image'
  if (type.startsWith('audio/')) return 'audio'
  if (type.startsWith('video/')) return 'video'
  if (type.startsWith('text/') || /[/+](xml|yaml|toml|x-sh|javascript)$/.test(type)) return 'text'
  return 'none'
}

/** What a person calls the type of a file. */
export function typeName(path: string, mediaType: string): string {
  const extension = extensionOf(path)
  if (path.split('/').at(-1)?.includes('.') && extension.length <= 8) return extension
  return mediaType === 'application/octet-stream' ? 'file' : mediaType
}

export function quotePath(path: string): string {
  return path.split('/').map(encodeURIComponent).join('/')
}

export function bytesUrl(runId: string, path: string): string {
  return `/artifacts/runs/${encodeURIComponent(runId)}/${quotePath(path)}`
}

/** The address under which browsers show it rather than save it. */
export function inlineUrl(runId: string, path: string): string {
  return `${bytesUrl(runId, path)}?inline`
}

/** A folder as one file; the empty path is the whole run. */
export function zipUrl(runId: string, folder: string): string {
  const base = folder ? `${bytesUrl(runId, folder)}/` : `/artifacts/runs/${runId}/`
  return `${base}?format=zip`
}

export function pagePath(runId: string, path: string): string {
  return path ? `/runs/${runId}/artifacts/${quotePath(path)}` : `/runs/${runId}/artifacts`
}
