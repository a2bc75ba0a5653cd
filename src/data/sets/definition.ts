/** What gala knows of a dataset without its files: facts for checks, downloads, benchmarks and messages. */
import type { Dataset, ImageShape } from '../dataset.js';

export type ImageSplit = 'train' | 'val' | 'test';

/** Mean and standard deviation per channel, of pixels in [0, 1]. */
export interface Statistics {
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/** Of the ILSVRC 2012 training images, as torchvision's models use them. */
export const imagenetStatistics: Statistics = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };

/** Of CIFAR, as its long-tailed benchmarks use them. */
export const cifarStatistics: Statistics = { mean: [0.4914, 0.4822, 0.4465], std: [0.2023, 0.1994, 0.201] };

export type DatasetDefinition = PixelSet | PublishedSet | OwnSet;

/** Images of one size that are held in memory. */
export interface PixelSet {
  readonly name: string;
  readonly form: 'pixels';
  readonly classes: number;
  readonly imageShape: ImageShape;
  /** Training images of the largest class; of every class where the set is balanced. */
  readonly largestClass: number;
  readonly testImages: number;
  readonly statistics: Statistics;
  /** Imbalance factor of a set whose files are long-tailed; absent for a balanced set, of which a subset is drawn. */
  readonly longTailed?: number;
  /** Folder in `datasets/` of a set that comes with gala. */
  readonly bundled?: string;
  /** The archives that `gala data download` fetches. */
  readonly archives?: CifarArchives;
  /** Looks for the files without reading them. Rejects with `DataError` that names what is missing. */
  find?(root: string): Promise<void>;
  /** Reads both splits. Rejects with `DataError` for missing or damaged files. */
  open(root: string, options?: PixelOptions): Promise<OpenedPixels>;
}

export interface PixelOptions {
  /** Has the cache folder, which stores what gala found in the files. */
  readonly environment?: NodeJS.ProcessEnv | undefined;
  /** Whether to read the files whole again, although the cache has what they contain. */
  readonly anew?: boolean | undefined;
}

export interface OpenedPixels {
  readonly train: Dataset;
  readonly test: Dataset;
  /** Remarks on the files. */
  readonly notes?: readonly string[];
}

export type CifarForm = 'binary' | 'python';

/** The official archives in each form. Gala looks first for the first form. */
export interface CifarArchives extends Readonly<Record<CifarForm, CifarLayout>> {
  /** Address of the folder of the archives. */
  readonly address: string;
  /** The page that describes them. */
  readonly page: string;
}

/** The files of an archive. */
export interface CifarLayout {
  readonly form: CifarForm;
  readonly folder: string;
  readonly archive: { readonly name: string; readonly md5: string; readonly bytes: number };
  readonly train: readonly string[];
  readonly test: readonly string[];
  readonly classNames: string;
  readonly recordsPerFile: { readonly train: number; readonly test: number };
  /** Number of values of each label of a record; the last one is the class. */
  readonly labels: readonly number[];
  /** md5 of the files, where it is known. */
  readonly md5?: Readonly<Record<string, string>>;
}

/** Image files with published long-tailed lists. */
export interface PublishedSet {
  readonly name: string;
  readonly form: 'published';
  readonly title: string;
  readonly classes: number;
  readonly lists: { readonly train: OfficialList; readonly val?: OfficialList; readonly test: OfficialList };
  /** File in `datasets/lists` with the training images per class, in label order. */
  readonly classCounts: string;
  /** Places below the root where a folder of the lists may be, the most likely first. */
  readonly candidatesOf: (folder: string) => readonly string[];
  /** Which archive has a folder of the lists, and how to unpack it. */
  archiveOf(folder: string): string;
  /** Files or folders below the root that show that it has another archive, and a sentence that says so. */
  readonly telltales: readonly { readonly entry: string; readonly says: string }[];
  readonly statistics: Statistics;
  /** Makes the train list from annotations in JSON, where this is possible. Throws `DataError`. */
  listOfAnnotations?(json: Uint8Array, where: string): Uint8Array;
}

/**
 * Address of the lists of "Decoupling representation and classifier" (Kang et al., ICLR 2020), at the commit with the
 * ids in `gitBlob`.
 */
export const publishedLists =
  'https://raw.githubusercontent.com/facebookresearch/classifier-balancing/' +
  'f162adef63fdf592d0b8a0f6e52bc481fc08785f/data';

export interface OfficialList {
  /** Name of the unpacked file in the repositories of the field. */
  readonly file: string;
  readonly images: number;
  /** sha256 of the unpacked text with LF line ends, for a list that comes with gala. */
  readonly sha256?: string;
  /** git's id of the published file, sha1 of `blob <bytes>\0` and the content, for a list that does not. */
  readonly gitBlob?: string;
  /** Address of the published file. */
  readonly address?: string;
}

/** Image files of the user. */
export interface OwnSet {
  readonly name: string;
  readonly form: 'own';
  /** Whether the images of a split are the files of a folder or of a list that the config names. */
  readonly imagesOf: 'folders' | 'lists';
  readonly statistics: Statistics;
}
