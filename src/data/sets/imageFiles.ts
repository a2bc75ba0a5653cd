/** Images of the user: a folder for each class, or lists of files. */
import { imagenetStatistics, type OwnSet } from './definition.js';

export const imageFolder = {
  name: 'image_folder',
  form: 'own',
  imagesOf: 'folders',
  statistics: imagenetStatistics,
} as const satisfies OwnSet;

export const imageList = {
  name: 'image_list',
  form: 'own',
  imagesOf: 'lists',
  statistics: imagenetStatistics,
} as const satisfies OwnSet;
