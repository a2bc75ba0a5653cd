/** The image files that the arguments of `gala predict` name: files, folders with all images below, lists of paths. */
import { existsSync, readdirSync, realpathSync, statSync } from 'node:fs';
import { dirname, extname, isAbsolute, join } from 'node:path';
import { isLeftBehind } from '../data/files/leftOutFiles.js';
import { imageEndings, imageFormat } from '../data/images/format.js';
import { DataError } from '../errors.js';
import { withHome } from '../io/homePath.js';
import { largestText, readRegularText, withOpenedFile } from '../io/regularFile.js';

/** An image as the user named it, and where it lies. */
export interface ImagePath {
  readonly name: string;
  readonly path: string;
}

/**
 * The images of all arguments in their order; the images of a folder in the order of their paths. A list is a text file
 * with a path on each line, relative to the folder of the list or the working folder; a class number behind the path,
 * as in training lists, is ignored. Throws `DataError` where an argument does not exist or has no images. A missing
 * file with the ending of an image is no error here: it is skipped later, like an image that cannot be decoded.
 */
export function imagePaths(given: readonly string[]): ImagePath[] {
  return given.flatMap(name => {
    const path = withHome(name);
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat === undefined && !hasImageEnding(path))
      throw new DataError('There is no such file or folder.', { where: name, next: whatToGive });
    if (stat?.isDirectory()) return imagesBelow(path, name);
    return hasImageEnding(path) || startsAsImage(path) ? [{ name, path }] : imagesOfList(path);
  });
}

const whatToGive = 'Give images, folders of images, or text files with the path of an image on each line.';

function imagesBelow(path: string, name: string): ImagePath[] {
  const found: ImagePath[] = [];
  walk(path, name.replace(/\/+$/, '') || '/', [], found);
  if (found.length > 0) return found;
  throw new DataError('There are no images in the folder.', {
    where: name,
    next: `Images have names that end in ${imageEndings.map(ending => `.${ending}`).join(', ')}.`,
  });
}

/**
 * Adds the images below `path` to `found`. `above` has the real paths of the folders above: links lead in no circle.
 */
function walk(path: string, name: string, above: readonly string[], found: ImagePath[]): void {
  const real = realpathSync(path);
  if (above.includes(real)) return;
  for (const entry of readdirSync(path).sort()) {
    if (isLeftBehind(entry)) continue;
    const [inner, shown] = [join(path, entry), `${name}/${entry}`];
    if (statSync(inner, { throwIfNoEntry: false })?.isDirectory()) walk(inner, shown, [...above, real], found);
    else if (hasImageEnding(entry)) found.push({ name: shown, path: inner });
  }
}

function hasImageEnding(path: string): boolean {
  return (imageEndings as readonly string[]).includes(extname(path).slice(1).toLowerCase());
}

function startsAsImage(path: string): boolean {
  return withOpenedFile(path, ({ size, read }) => imageFormat(read(0, Math.min(size, 32))) !== undefined);
}

function imagesOfList(list: string): ImagePath[] {
  const folder = dirname(list);
  const locate = (name: string) =>
    isAbsolute(name) ? name : [join(folder, name), name].find(path => existsSync(path));
  const text = readRegularText(list, largestText);
  if (text.includes('\0'))
    throw new DataError('The file is neither an image nor a list of images.', { where: list, next: whatToGive });
  const paths = text
    .replace(/^\ufeff/, '')
    .split(/\r?\n/)
    .map(line => line.trim())
    .filter(line => line !== '')
    .map(line => {
      const whole = locate(line);
      const unlabelled = line.replace(/\s+\d+$/, '');
      const name = whole === undefined ? unlabelled : line;
      return { name, path: whole ?? locate(unlabelled) ?? join(folder, unlabelled) };
    });
  if (paths.some(({ path }) => existsSync(path))) return paths;
  if (paths.length > 0)
    throw new DataError('No image that this list names is there.', {
      where: list,
      next: 'Write the path of an image on each line, from the folder of the list or from the working folder.',
    });
  throw new DataError('The list has no paths.', { where: list, next: 'Write the path of an image on each line.' });
}
