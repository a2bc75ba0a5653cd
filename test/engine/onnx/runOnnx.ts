/** onnxruntime as another program that computes what gala exported. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { toolPython } from '../../toolPython.js';

export const onnxPython = toolPython('onnxruntime');
export const withoutOnnx = onnxPython === undefined && 'no Python with onnxruntime: scripts/test-tools.sh';

export interface OnnxResult {
  /** Name, type and shape. */
  readonly input: [string, string, (string | number)[]];
  /** `[B, C]`, flat. */
  readonly logits: number[];
  readonly probabilities: number[];
  readonly metadata: Record<string, string>;
}

const script = join(import.meta.dirname, '../../../../test/engine/onnx/run_onnx.py');

/** What the model in a file makes of images in a file, uint8 `[B, H, W, channels]`. */
export function runOnnx(model: string, images: string): OnnxResult {
  return JSON.parse(execFileSync(onnxPython!, [script, model, images], { encoding: 'utf8', maxBuffer: 2 ** 28 }));
}
