/** `gala data …`: getting the images of a dataset and checking them. */
import type { Command } from 'commander';
import { registerDataDownloadCommand } from './dataDownload.js';
import { registerDataListsCommand } from './dataLists.js';
import { registerDataPackCommand } from './dataPack.js';
import { registerDataVerifyCommand } from './dataVerify.js';

/** Adds the `data` command and its sub-commands, a file each. */
export function registerDataCommand(program: Command): void {
  const data = program.command('data').description('get, check and pack the images of a dataset');
  registerDataDownloadCommand(data);
  registerDataListsCommand(data);
  registerDataVerifyCommand(data);
  registerDataPackCommand(data);
}
