/** What often lies where a large file should be: a Git LFS pointer, or the page that a server sent in its place. */
import { withOpenedFile } from './openedFile.js';

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
const looked = 512;

/** What a file is in place of its content, by its first bytes. Throws `FormatFault`, and the system's errors. */
export function standInOf(path: string): StandIn | undefined {
  const start = withOpenedFile(path, file => file.read(0, Math.min(file.size, looked)));
  const text = start
    .toString('utf8')
    .replace(/^\uFEFF/, '')
    .trimStart();
  if (text.startsWith('version https://git-lfs.github.com/spec/')) return pointer;
  return /^<(!doctype|!--|\?xml|html|head|body|title|meta|script|error)\b/i.test(text) ? page : undefined;
}
