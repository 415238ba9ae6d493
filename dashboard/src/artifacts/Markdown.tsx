// Markdown that anybody may have written: made HTML, and whatever could act taken out of it.
import createDOMPurify, { type Config } from 'dompurify'
import { marked } from 'marked'
import { type ReactElement, useEffect, useRef } from 'react'
import { inlineUrl } from './kinds.ts'
import './markdown.css'

const purify = createDOMPurify(window)

const ALLOWED: Config & { RETURN_DOM_FRAGMENT: true } = {
  USE_PROFILES: { html: true },
  // Nothing that looks like the dashboard's own parts, asks for input or loads from elsewhere.
  FORBID_TAGS: [
    'style',
    'form',
    'input',
    'button',
    'select',
    'textarea',
    'dialog',
    'audio',
    'video',
    'source',
    'picture',
    'map',
    'area',
  ],
  FORBID_ATTR: [
    'style',
    'class',
    'id',
    'name',
    'srcset',
    'background',
    'poster',
    'tabindex',
    'accesskey',
    'popover',
    'popovertarget',
  ],
  ALLOW_DATA_ATTR: false,
  ALLOW_ARIA_ATTR: false,
  RETURN_DOM_FRAGMENT: true,
}

interface MarkdownProps {
  text: string
  /** Where the text lies: images beside it are shown. */
  at?: { runId: string; path: string }
}

export default function Markdown({ text, at }: MarkdownProps): ReactElement {
  const host = useRef<HTMLDivElement>(null)
  const [runId, path] = [at?.runId, at?.path]
  useEffect(() => {
    const place = runId && path !== undefined ? { runId, path } : null
    host.current?.replaceChildren(toFragment(text, place))
  }, [text, runId, path])
  return <div ref={host} className="markdown" />
}

function toFragment(text: string, at: { runId: string; path: string } | null): DocumentFragment {
  const html = marked.parse(text, { async: false, gfm: true })
  const fragment = purify.sanitize(html, ALLOWED)
  for (const link of fragment.querySelectorAll('a[href]')) {
    link.setAttribute('rel', 'noopener noreferrer nofollow')
    link.setAttribute('target', '_blank')
  }
  for (const image of fragment.querySelectorAll('img')) {
    const source = image.getAttribute('src') ?? ''
    const isElsewhere = /^([a-z][a-z0-9+.-]*:|\/)/i.test(source)
    if (/^data:image\//i.test(source)) continue
    const beside = at && !isElsewhere ? besideOf(at.path, source) : null
    if (at && beside) image.setAttribute('src', inlineUrl(at.runId, beside))
    else image.replaceWith(document.createTextNode(image.alt || source))
    image.setAttribute('loading', 'lazy')
  }
  return fragment
}

/** The path that a relative address names; null where it leaves the run. */
export function besideOf(path: string, address: string): string | null {
  const parts = path.split('/').slice(0, -1)
  for (const part of (address.split(/[?#]/)[0] ?? '').split('/')) {
    if (part === '..') {
      if (parts.pop() === undefined) return null
    } else if (part && part !== '.') parts.push(safely(part))
  }
  return parts.length ? parts.join('/') : null
}

function safely(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}
