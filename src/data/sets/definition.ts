/**
 * What gala knows of a dataset before its files are read: facts for checks, downloads, benchmarks and messages, and how
 * it opens.
 */
import type { Dataset } from '../dataset.js';
import type { FolderCandidates } from '../files/locateFiles.js';
import type { ImageShape } from '../imageShape.js';

export type ImageSplit = 'train' | 'val' | 'test';

/** Mean and standard deviation per channel, of pixels in [0, 1]. */
export interface Statistics {
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

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
  /** Imbalance factor of a set that is long-tailed as it is; absent for a balanced set, of which a subset is drawn. */
  readonly longTailed?: number;
  /** Folder of `datasets/` with the files of a set that comes with gala. */
  readonly bundled?: string;
  /** What `gala data download` fetches. */
  readonly archives?: CifarArchives;
  /** Looks for the files without reading them. Throws `DataError` that names what is missing. */
  find?(root: string): Promise<void>;
  /** Reads both splits. Throws `DataError` for missing or damaged files. */
  open(root: string, options?: PixelOptions): Promise<OpenedPixels>;
}

export interface PixelOptions {
  /** Names the folder where it is remembered what the files hold. */
  readonly environment?: NodeJS.ProcessEnv | undefined;
  /** Read the files whole, also where it is remembered what they hold. */
  readonly anew?: boolean | undefined;
}

export interface OpenedPixels {
  readonly train: Dataset;
  readonly test: Dataset;
  /** Remarks on the files. */
  readonly notes?: readonly string[];
}

export type CifarForm = 'binary' | 'python';

/** Official archives in each form; the form that is looked for first comes first. */
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

/** Image files with published lists; long-tailed as they are. */
export interface PublishedSet {
  readonly name: string;
  readonly form: 'published';
  readonly title: string;
  readonly classes: number;
  readonly lists: { readonly train: OfficialList; readonly val?: OfficialList; readonly test: OfficialList };
  /** File of `datasets/lists` with the training images per class, in label order. */
  readonly classCounts: string;
  /** Where a folder of the lists may lie in the official archives. */
  readonly candidatesOf: FolderCandidates;
  /** Which archive holds a folder of the lists, and how to unpack it. */
  archiveOf(folder: string): string;
  /** Something below the root that gives away another archive, and what it says. */
  readonly telltales: readonly { readonly entry: string; readonly says: string }[];
  readonly statistics: Statistics;
  /** Makes the train list from annotations in JSON, where it can be made from them. Throws `DataError`. */
  listOfAnnotations?(json: Uint8Array, where: string): Promise<Uint8Array>;
}

export interface OfficialList {
  /** Name of the unpacked file, as the field's repositories call it. */
  readonly file: string;
  readonly images: number;
  /** sha256 of the unpacked text with LF line ends, for the lists that come with gala. */
  readonly sha256?: string;
  /** git's id of the distributed file, sha1 of `blob <bytes>\0` and the content, for the lists that do not. */
  readonly gitBlob?: string;
  /** Where the file with that id is published. */
  readonly address?: string;
}

/** Image files of the user. */
export interface OwnSet {
  readonly name: string;
  readonly form: 'own';
  /** Whether the images of a split are the files of its folder, or those of a list that the config names. */
  readonly imagesOf: 'folders' | 'lists';
  readonly statistics: Statistics;
}
