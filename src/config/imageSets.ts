/** The datasets that are sets of image files, and the size their images get; plain facts, so that checking a config reads no dataset code. */

/** Sets with published lists; long-tailed as they are. */
export const officialImageSets = ['imagenet_lt', 'places_lt', 'inaturalist2018'] as const;
export const imageDatasets = [...officialImageSets, 'image_list', 'image_folder'] as const;

export type ImageSetName = (typeof officialImageSets)[number];

export function isOfficial(name: string): name is ImageSetName {
  return (officialImageSets as readonly string[]).includes(name);
}

export function isImageDataset(name: string): name is (typeof imageDatasets)[number] {
  return (imageDatasets as readonly string[]).includes(name);
}

/** Whether a set has validation images of its own, beside its training images. */
export function hasOwnVal({ dataset, val_list, split }: ValKeys): boolean {
  return val_list !== undefined || (split?.val ?? 0) > 0 || (isOfficial(dataset) && dataset !== 'inaturalist2018');
}

interface ValKeys {
  readonly dataset: string;
  readonly val_list?: unknown;
  readonly split?: { readonly val?: number | undefined } | undefined;
}

const defaultSide = 224;
const defaultShortSide = 256;

/** Input of the network in pixels, and the shorter side it is cut from in evaluation: 224 of 256, or in that ratio. */
export function inputSizeOf({ image_size = defaultSide, short_side }: InputSizeKeys): {
  side: number;
  shortSide: number;
} {
  return { side: image_size, shortSide: short_side ?? Math.round((image_size * defaultShortSide) / defaultSide) };
}

interface InputSizeKeys {
  readonly image_size?: number | undefined;
  readonly short_side?: number | undefined;
}
