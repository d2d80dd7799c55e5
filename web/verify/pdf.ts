/**
 * The receipt inside a PDF/A-3: the one file that it embeds. Only that file counts; what is printed around it proves
 * nothing. Of the format no more is read than where an embedded file begins and how long it is.
 */

import { Refused, require } from './core/outcome'

export const MAX_PDF_BYTES = 16 * 1024 * 1024
const MOST_INSIDE = 2 * 1024 * 1024

export function isPdf(data: Uint8Array): boolean {
  return new TextDecoder('latin1').decode(data.subarray(0, 5)) === '%PDF-'
}

/** The embedded file. Throws `Refused` when there is none or more than one, or it cannot be read. */
export async function embeddedFile(data: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  // Every byte is one character, so places in the text are places in the data.
  const text = new TextDecoder('latin1').decode(data)
  const found = [...text.matchAll(/\/Type\s*\/EmbeddedFile(?![A-Za-z])/g)].map(({ index }) => index)
  require(found.length > 0, 'PDF 里没有内嵌回执', 'the PDF holds no receipt')
  require(found.length === 1, 'PDF 里内嵌了多个文件', 'the PDF holds more than one file')
  const [from, to] = [text.lastIndexOf(' obj', found[0]), text.indexOf('stream', found[0])]
  const head = text.slice(from, to)
  const length = /\/Length\s+([0-9]+)(?!\s+[0-9]+\s+R)/.exec(head)?.[1]
  const begin = to + (text.startsWith('stream\r\n', to) ? 8 : 7)
  const end = length === undefined ? text.indexOf('endstream', begin) : begin + Number(length)
  require(from >= 0 && to >= 0 && begin <= end && end <= data.length, 'PDF 已损坏', 'the PDF is damaged')
  const stream = data.slice(begin, end)
  const filter = /\/Filter\s*\[?\s*\/([A-Za-z0-9]+)/.exec(head)?.[1]
  if (filter === undefined) return stream
  require(filter === 'FlateDecode', 'PDF 的压缩方式未知', 'the PDF is compressed in an unknown way')
  return inflate(stream)
}

async function inflate(stream: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  const chunks: Uint8Array<ArrayBuffer>[] = []
  let size = 0
  const reader = new Blob([stream]).stream().pipeThrough(new DecompressionStream('deflate')).getReader()
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      chunks.push(next.value as Uint8Array<ArrayBuffer>)
      size += next.value.length
      if (size > MOST_INSIDE) break
    }
  } catch {
    throw new Refused('PDF 已损坏', 'the PDF is damaged')
  }
  require(size <= MOST_INSIDE, '内嵌文件过大', 'the embedded file is too large')
  return new Uint8Array(await new Blob(chunks).arrayBuffer())
}
