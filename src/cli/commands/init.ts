/** `gala init DIR|LIST`: looks at a user's images and writes a config that trains on them. */
import { existsSync, statSync } from 'node:fs';
import { basename, extname, join, parse, resolve } from 'node:path';
import type { Command } from 'commander';
import { asNamePart } from '../../config/experimentName.js';
import { ConfigError } from '../../errors.js';
import { shellWord } from '../../io/shellWord.js';
import type { Recipe } from '../../survey/recipe.js';
import type { Survey } from '../../survey/survey.js';
import { createCheckDisplay, createProgress } from '../display/progress.js';

export function registerInitCommand(program: Command): void {
  program
    .command('init')
    .description('look at your own images and write a config that trains on them')
    .argument(
      '<images>',
      'a folder DIR/CLASS/…, or DIR/train/CLASS/… with DIR/test/CLASS/…, or a list with one line ' +
        '`path label` for each image: the path relative to the list, the label a whole number from 0',
    )
    .option('--output <file>', 'the config to write (default: the name of the folder or list, in the working folder)')
    .action(init);
}

async function init(images: string, { output }: { output?: string }): Promise<void> {
  const isFile = statSync(images, { throwIfNoEntry: false })?.isFile() ?? false;
  const stem = basename(resolve(images), isFile ? extname(images) : '');
  const file = output ?? `${asNamePart(stem)}.yaml`;
  if (!/\.ya?ml$/i.test(file)) {
    throw new ConfigError('A config is a YAML file.', {
      where: `--output ${file}`,
      next: `Name it ${shellWord(`${file.slice(0, file.length - extname(file).length)}.yaml`)}.`,
    });
  }
  if (existsSync(file)) {
    throw new ConfigError('There is a file of this name; it is not replaced.', {
      where: resolve(file),
      next: `gala init ${shellWord(images)} --output ${shellWord(freeName(file))}`,
    });
  }
  const { surveyImages } = await import('../../survey/survey.js');
  const { configText, recipeFor } = await import('../../survey/recipe.js');
  const { writeFileAtomic } = await import('../../io/atomicFile.js');
  const survey = await surveyImages(images, createCheckDisplay(createProgress()));
  const recipe = recipeFor(survey);
  writeFileAtomic(file, configText(asNamePart(basename(file, extname(file))), survey, recipe));
  process.stdout.write(`${describeSurvey(images, survey, recipe).join('\n')}\n`);
  // GALA_DATA has priority over data.root.
  const data = process.env.GALA_DATA ? ` --data ${shellWord(survey.data.root)}` : '';
  process.stdout.write(`Wrote ${file}. Next:\n  gala train ${shellWord(file)}${data}\n`);
}

/** `flowers-2.yaml`, `flowers-3.yaml`, …: the first that does not exist. */
function freeName(file: string): string {
  const { dir, name, ext } = parse(file);
  for (let copy = 2; ; copy++) {
    const path = join(dir, `${name}-${copy}${ext}`);
    if (!existsSync(path)) return path;
  }
}

function describeSurvey(
  images: string,
  { classNames, counts, images: found, sizes, gray, data, notes }: Survey,
  recipe: Recipe,
) {
  const most = counts.reduce((a, b) => Math.max(a, b));
  const least = counts.reduce((a, b) => Math.min(a, b));
  const total = Object.values(found).reduce((sum, count) => sum + count, 0);
  const size = ({ width, height }: { width: number; height: number }) => `${width}×${height}`;
  const colour = gray === 0 ? 'colour' : gray === 1 ? 'gray' : `${Math.round(100 * gray)} % gray`;
  const { train, val = 0, test = 0 } = found;
  return [
    `${images}: ${total} images, ${classNames.length} classes`,
    `  classes  ${most} … ${least} training images each, imbalance factor ${(most / least).toFixed(1)}`,
    `  images   ${size(sizes.median)} (median; ${size(sizes.smallest)} … ${size(sizes.largest)}), ${colour}`,
    `  splits   ${train} training, ${val} validation, ${test} test ` +
      `images${data.split ? ' (divided by class, data.split)' : ''}`,
    `  training ${recipe.backbone} at ${recipe.side} pixels, ${recipe.loss}, ${recipe.epochs} epochs, ` +
      `batch ${recipe.batchSize}`,
    ...notes.filter(note => !note.includes('is divided by class')).map(note => `  note     ${note}`),
  ];
}
