/**
 * One HTML file with script and style inside, under a policy that names them by their hashes and allows nothing else.
 *
 * Without `connects` the page works from a disk or a memory stick, and the browser itself guarantees that it talks to
 * nobody; with it, it talks to the address that it came from and to nobody else.
 */

import { createHash } from 'node:crypto'
import type { Plugin } from 'vite'

export function singleFile(connects: "'none'" | "'self'" = "'none'"): Plugin {
  return {
    name: 'single-file',
    enforce: 'post',
    generateBundle(_, bundle) {
      const page = Object.values(bundle).find((item) => item.fileName.endsWith('.html'))
      if (page?.type !== 'asset') throw new Error('no page in the bundle')
      const parts = Object.values(bundle).filter((item) => item !== page)
      const scripts = parts.flatMap((item) => (item.type === 'chunk' ? [item.code.replaceAll('</script', '<\\/script')] : []))
      const styles = parts.flatMap((item) => (item.type === 'asset' && item.fileName.endsWith('.css') ? [String(item.source)] : []))
      if (scripts.length !== 1 || scripts.length + styles.length !== parts.length) throw new Error('the page is not one script and styles')
      page.source = inline(String(page.source), scripts[0]!, styles.join('\n'), connects)
      for (const item of parts) delete bundle[item.fileName]
    },
  }
}

function inline(html: string, script: string, style: string, connects: string): string {
  const bare = html.replace(/<script [^>]*src=[^>]*><\/script>/g, '').replace(/<link [^>]*rel="stylesheet"[^>]*>/g, '')
  const head = `<meta http-equiv="Content-Security-Policy" content="${policy(script, style, connects)}">\n<style>${style}</style>`
  // Functions as replacements: minified code is full of $ signs, which have a meaning in a replacement text.
  return bare
    .replace('<meta charset="utf-8" />', (charset) => `${charset}\n${head}`)
    .replace('</body>', () => `<script type="module">${script}</script>\n</body>`)
}

function policy(script: string, style: string, connects: string): string {
  return [
    "default-src 'none'", `connect-src ${connects}`, "base-uri 'none'", "form-action 'none'",
    `script-src '${hash(script)}'`, `style-src '${hash(style)}'`, 'img-src data:',
  ].join('; ')
}

function hash(text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`
}
