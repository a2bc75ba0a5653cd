/**
 * Makes the images of docs/own-images.md: `node scripts/make-example-images.mjs DIR` writes DIR/photos/SHAPE/… with
 * five shapes, 120 to 12 pictures each, and DIR/new/… without labels. The same pictures at every call.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';

const [folder] = process.argv.slice(2);
if (folder === undefined) {
  process.stderr.write('Usage: node scripts/make-example-images.mjs DIR\n');
  process.exit(2);
}

const shapes = {
  circle: r => `<circle r="${r}"/>`,
  square: r => `<rect x="${-r}" y="${-r}" width="${2 * r}" height="${2 * r}"/>`,
  triangle: r => polygon(3, () => r * 1.2),
  star: r => polygon(10, corner => (corner % 2 ? 0.45 : 1.2) * r),
  ring: r => `<circle r="${r}" fill="none" stroke-width="${0.5 * r}"/>`,
};
const counts = [120, 70, 40, 22, 12];
const [width, height] = [320, 240];

let state = 1;
/** Uniform in [from, to), from a generator of its own (mulberry32). */
function random(from, to) {
  state = (state + 0x6d2b79f5) | 0;
  let t = Math.imul(state ^ (state >>> 15), 1 | state);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return from + (((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * (to - from);
}

function polygon(corners, radiusOf) {
  const points = Array.from({ length: corners }, (_, corner) => {
    const angle = (2 * Math.PI * corner) / corners;
    return `${(radiusOf(corner) * Math.sin(angle)).toFixed(1)},${(-radiusOf(corner) * Math.cos(angle)).toFixed(1)}`;
  });
  return `<polygon points="${points.join(' ')}"/>`;
}

function colour(lightness) {
  return `hsl(${random(0, 360).toFixed(0)} ${random(20, 80).toFixed(0)}% ${lightness.toFixed(0)}%)`;
}

async function draw(shape, file) {
  const isDark = random(0, 1) < 0.5;
  const [behind, front] = isDark ? [random(10, 35), random(60, 85)] : [random(65, 90), random(15, 40)];
  const blots = Array.from(
    { length: 12 },
    () =>
      `<ellipse cx="${random(0, width).toFixed(0)}" cy="${random(0, height).toFixed(0)}" ` +
      `rx="${random(10, 70).toFixed(0)}" ry="${random(10, 50).toFixed(0)}" ` +
      `fill="${colour(behind + random(-8, 8))}"/>`,
  );
  const place =
    `translate(${random(110, 210).toFixed(0)} ${random(95, 145).toFixed(0)}) ` +
    `rotate(${random(-25, 25).toFixed(0)})`;
  const paint = colour(front);
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">
    <rect width="100%" height="100%" fill="${colour(behind)}"/>${blots.join('')}
    <g transform="${place}" fill="${paint}" stroke="${paint}" stroke-width="0">${shapes[shape](random(45, 75))}</g></svg>`;
  await sharp(Buffer.from(svg)).removeAlpha().jpeg({ quality: 88 }).toFile(file);
}

const number = i => String(i + 1).padStart(4, '0');
for (const [index, shape] of Object.keys(shapes).entries()) {
  await mkdir(join(folder, 'photos', shape), { recursive: true });
  for (let i = 0; i < counts[index]; i++) await draw(shape, join(folder, 'photos', shape, `${number(i)}.jpg`));
}
await mkdir(join(folder, 'new'), { recursive: true });
for (const [index, shape] of Object.keys(shapes).entries())
  await draw(shape, join(folder, 'new', `${number(index)}.jpg`));
process.stdout.write(`Wrote ${join(folder, 'photos')} and ${join(folder, 'new')}\n`);
