import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadConfig } from '../../src/config/load.js';
import { complaint, configFiles, smallest } from './files.js';

const refused: readonly [set: string[], where: RegExp, message: RegExp][] = [
  [
    ['data.dataset=image_list', 'data.test_list=t'],
    /data\.dataset=image_list/,
    /image_list, which needs data\.train_list/,
  ],
  [
    ['data.dataset=image_list', 'data.train_list=t'],
    /data\.dataset=image_list/,
    /image_list, which needs data\.test_list/,
  ],
  [
    ['data.dataset=image_folder', 'data.train_list=t'],
    /data\.train_list=t/,
    /image_folder takes the images from its folders/,
  ],
  [['data.dataset=places_lt', 'data.imbalance_factor=10'], /imbalance_factor=10/, /places_lt is long-tailed already/],
  [['data.dataset=places_lt', 'data.short_side=200'], /short_side=200/, /short_side is 200, less than the 224 pixels/],
  [
    ['data.dataset=image_folder', 'data.image_size=64', 'data.short_side=60'],
    /short_side=60/,
    /less than the 64 pixels/,
  ],
];

for (const [set, where, message] of refused) {
  test(`the contradiction of ${set.join(' and ')} is refused`, t => {
    const found = complaint(configFiles(t, { 'a.yaml': smallest })('a.yaml'), { set });
    assert.match(found.where!, where);
    assert.match(found.message, message);
  });
}

const warned: readonly [set: string[], message: RegExp][] = [
  [['data.image_size=64'], /data\.image_size has no effect: cifar100 is no set of image files/],
  [['data.on_bad_image=skip'], /data\.on_bad_image has no effect/],
  [['data.test_list=x'], /data\.test_list has no effect/],
  [
    ['data.dataset=imagenet_lt', 'eval.select_on=val', 'eval.val_fraction=0.2'],
    /eval\.val_fraction has no effect: imagenet_lt has a validation split of its own/,
  ],
];

for (const [set, message] of warned) {
  test(`one warning says that ${set.join(' and ')} is without effect`, t => {
    const { warnings } = loadConfig(configFiles(t, { 'a.yaml': smallest })('a.yaml'), { set });
    assert.equal(warnings.length, 1, warnings.join('\n'));
    assert.match(warnings[0]!, message);
  });
}

test('what a set of image files may say gives neither problem nor warning', t => {
  const path = configFiles(t, { 'a.yaml': smallest })('a.yaml');
  for (const set of [
    ['data.dataset=inaturalist2018', 'eval.select_on=val', 'eval.val_fraction=0.2'],
    ['data.dataset=imagenet_lt', 'data.train_list=own.txt', 'data.image_size=288', 'data.short_side=288'],
    ['data.dataset=image_folder', 'data.imbalance_factor=100', 'data.on_bad_image=skip', 'data.verify=fast'],
    ['data.dataset=image_list', 'data.train_list=a', 'data.test_list=b', 'data.augment=[random_resized_crop]'],
  ]) {
    assert.deepEqual(loadConfig(path, { set }).warnings, [], set.join(' '));
  }
});
