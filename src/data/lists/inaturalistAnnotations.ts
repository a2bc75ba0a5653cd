/** The image list of iNaturalist 2018 from its official annotations, `train2018.json`. */
import { z } from 'zod';
import { DataError } from '../../errors.js';

const annotations = z.object({
  images: z.array(z.object({ id: z.number(), file_name: z.string() })),
  annotations: z.array(z.object({ image_id: z.number(), category_id: z.number().int().min(0) })),
});

/**
 * One line `file_name category_id` an image, in the order of the images, LF line ends: so the published list was made
 * (facebookresearch/classifier-balancing). Throws `DataError` for anything but such annotations.
 */
export function listOfAnnotations(json: Uint8Array, where: string): Uint8Array {
  const fault = (what: string, cause?: unknown) =>
    new DataError(`These are not the annotations of iNaturalist 2018: ${what}.`, {
      where,
      next: 'Give train2018.json, or its archive train2018.json.tar.gz (github.com/visipedia/inat_comp, 2018).',
      cause,
    });
  const parsed = annotations.safeParse(parse(json, fault));
  if (!parsed.success) {
    const { path, message } = parsed.error.issues[0]!;
    throw fault(`${path.join('.') || 'the whole'}: ${message}`);
  }
  const { images, annotations: labelled } = parsed.data;
  const labels = new Map(labelled.map(({ image_id, category_id }) => [image_id, category_id]));
  const lines = images.map(({ id, file_name }) => {
    const label = labels.get(id);
    if (label === undefined) throw fault(`the image ${file_name} has no category`);
    if (/\s/.test(file_name)) throw fault(`the file name ${JSON.stringify(file_name)} has white space`);
    return `${file_name} ${label}\n`;
  });
  return Buffer.from(lines.join(''));
}

function parse(json: Uint8Array, fault: (what: string, cause: unknown) => DataError): unknown {
  try {
    return JSON.parse(Buffer.from(json.buffer, json.byteOffset, json.byteLength).toString('utf8'));
  } catch (error) {
    throw fault((error as Error).message, error);
  }
}
