/** Recognizes what is often in the place of a large file: a Git LFS pointer, a web page, a packed archive. */
import { withOpenedFile } from './regularFile.js';

export interface StandIn {
  readonly what: string;
  readonly remedy: string;
}

const pointer: StandIn = {
  what: 'a Git LFS pointer, a few lines of text that name the file',
  remedy: 'Fetch the file itself: `git lfs pull` in its repository, or the download of the site.',
};
const page: StandIn = {
  what: 'a web page (HTML or XML)',
  remedy: 'Fetch the file itself: open the address in a browser, which shows what the page asks for or says.',
};
const archive: StandIn = {
  what: 'a packed archive',
  remedy: 'Unpack it (tar -xf, gunzip, 7z x), and give the file that lies in it.',
};
const empty: StandIn = { what: 'an empty file', remedy: 'Fetch or copy it again, and look at the free space (df -h).' };
const onnx: StandIn = {
  what: 'an ONNX file',
  remedy: 'Export the weights instead: gala export --run RUN --output FILE.safetensors',
};
const inspectedBytes = 512;
/** The first bytes of gzip, bzip2, xz, zstd and 7z, hex. */
const archiveStarts = ['1f8b', '425a68', 'fd377a585a', '28b52ffd', '377abcaf271c'];
/** Byte at which a tar archive has the text `ustar`. */
const tarMark = 257;
const shownCharacters = 40;

/**
 * What a file is instead of its expected content, by its first bytes. Throws `FormatFault`, and the system's errors.
 */
export function standInOf(path: string): StandIn | undefined {
  const start = withOpenedFile(path, file => file.read(0, Math.min(file.size, inspectedBytes)));
  const text = start
    .toString('utf8')
    .replace(/^\uFEFF/, '')
    .trimStart();
  if (text.startsWith('version https://git-lfs.github.com/spec/')) return pointer;
  if (/^<(!--|(!doctype|\?xml|html|head|body|title|meta|script|error)\b)/i.test(text)) return page;
  if (start.length === 0) return empty;
  if (/\.onnx$/i.test(path)) return onnx;
  const isTar = start.toString('latin1', tarMark, tarMark + 5) === 'ustar';
  if (isTar || archiveStarts.some(first => start.toString('hex').startsWith(first))) return archive;
  return /^[\P{Cc}\s]*$/u.test(text) && !text.includes('\uFFFD') ? textOf(text) : undefined;
}

function textOf(text: string): StandIn {
  const first = text.length > shownCharacters ? `${text.slice(0, shownCharacters)}…` : text.trimEnd();
  return { what: `a text, which begins with ${JSON.stringify(first)}`, remedy: page.remedy };
}
