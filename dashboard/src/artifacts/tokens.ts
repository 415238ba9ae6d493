// Highlighted code as lines of coloured words. What highlight.js writes is read as text with
// classes and never put into the page as HTML.
import hljs from 'highlight.js/lib/core'
import bash from 'highlight.js/lib/languages/bash'
import cpp from 'highlight.js/lib/languages/cpp'
import css from 'highlight.js/lib/languages/css'
import diff from 'highlight.js/lib/languages/diff'
import dockerfile from 'highlight.js/lib/languages/dockerfile'
import go from 'highlight.js/lib/languages/go'
import graphql from 'highlight.js/lib/languages/graphql'
import ini from 'highlight.js/lib/languages/ini'
import java from 'highlight.js/lib/languages/java'
import javascript from 'highlight.js/lib/languages/javascript'
import json from 'highlight.js/lib/languages/json'
import julia from 'highlight.js/lib/languages/julia'
import lua from 'highlight.js/lib/languages/lua'
import makefile from 'highlight.js/lib/languages/makefile'
import python from 'highlight.js/lib/languages/python'
import r from 'highlight.js/lib/languages/r'
import rust from 'highlight.js/lib/languages/rust'
import sql from 'highlight.js/lib/languages/sql'
import typescript from 'highlight.js/lib/languages/typescript'
import xml from 'highlight.js/lib/languages/xml'
import yaml from 'highlight.js/lib/languages/yaml'

const languages = {
  bash,
  cpp,
  css,
  diff,
  dockerfile,
  go,
  graphql,
  ini,
  java,
  javascript,
  json,
  julia,
  lua,
  makefile,
  python,
  r,
  rust,
  sql,
  typescript,
  xml,
  yaml,
}
for (const [name, grammar] of Object.entries(languages)) hljs.registerLanguage(name, grammar)

export interface Token {
  text: string
  className: string
}

/** A list of tokens for each line. */
export function highlightLines(code: string, language: string): Token[][] {
  if (!hljs.getLanguage(language)) return code.split('\n').map((text) => [{ text, className: '' }])
  return readTokens(hljs.highlight(code, { language, ignoreIllegals: true }).value)
}

const ENTITIES: Record<string, string> = {
  '&amp;': '&',
  '&lt;': '<',
  '&gt;': '>',
  '&quot;': '"',
  '&#x27;': "'",
}

export function readTokens(html: string): Token[][] {
  const lines: Token[][] = [[]]
  const classes: string[] = []
  for (const [piece] of html.matchAll(/<span class="[^"]*">|<\/span>|[^<]+/g)) {
    if (piece.startsWith('<span')) classes.push(piece.slice(13, -2))
    else if (piece === '</span>') classes.pop()
    else {
      const text = piece.replace(/&(?:amp|lt|gt|quot|#x27);/g, (entity) => ENTITIES[entity] ?? '')
      for (const [index, part] of text.split('\n').entries()) {
        if (index) lines.push([])
        if (part) lines.at(-1)?.push({ text: part, className: classes.at(-1) ?? '' })
      }
    }
  }
  return lines
}
