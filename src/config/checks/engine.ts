/** Rules between the engine, its devices and its precision. */
import type { Check } from './checked.js';

export const checkEngine: Check = ({ values }, { refuse, warn }) => {
  const { engine, device, devices, precision } = values;
  if (device?.startsWith('cuda') && engine === 'tensorflow') {
    refuse('device', `device is ${device}, but engine tensorflow computes on the CPU; GPUs need engine xla (or auto)`);
  }
  if (engine === 'eager' && device !== undefined && device !== 'auto') {
    refuse('device', `device is ${device}, but engine eager chooses its device itself; leave the key out`);
  }
  if (engine === 'eager' && precision === 'bf16') {
    refuse('precision', 'precision is bf16, but the eager engine computes in fp32; set it to fp32 or auto');
  }
  if (engine === 'tensorflow' || engine === 'eager') {
    if (precision === 'tf32') refuse('precision', `precision is tf32, but only engine xla has it, not ${engine}`);
    if (devices !== undefined && devices !== 1)
      refuse('devices', `devices is ${devices}, but engine ${engine} uses one; several need engine xla`);
  }
  if (devices === undefined || devices === 1) return;
  for (const [key, size, report, consequence] of [
    ['train.batch_size', values.train.batch_size, refuse, 'each device takes an equal part of a batch'],
    [
      'eval.batch_size',
      values.eval.batch_size,
      warn,
      'each device evaluates whole batches, which takes as long as one device',
    ],
  ] as const) {
    if (size !== undefined && size % devices !== 0) {
      report(key, `${key} is ${size}, which ${devices} devices (key devices) do not divide: ${consequence}`);
    }
  }
};
