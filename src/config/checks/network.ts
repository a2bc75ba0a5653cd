/** Rules between the keys of `model`, `loss` and `freeze`. */
import type { Check, Report, Values } from './checked.js';
import { lossOf } from './effect.js';

export const checkHead: Check = ({ values, origin }, { refuse }) => {
  const { model, loss } = values;
  const { head } = model;
  const reason = lossOf(values)?.needsCosineHead;
  if (head !== undefined && head !== 'cosine' && reason !== undefined) {
    const message = `loss.name is ${loss.name}, ${reason}; set model.head to cosine`;
    const isWritten = origin('model.head') !== undefined;
    refuse(isWritten ? 'model.head' : 'loss.name', message, isWritten ? 'model.head=cosine' : undefined);
  }
};

/** Without training, the network must be complete: a τ-normalised classifier, or weights from a file. */
export const checkUntrained: Check = ({ values, hasFirstStage }, { refuse }) => {
  const { model, train } = values;
  if (model.head === undefined) return;
  if (model.head !== 'tau_normalized') {
    if (train.epochs !== 0) return;
    if (hasFirstStage || model.weights === undefined)
      refuse('train.epochs', 'train.epochs is 0, but model.head is to be trained; give at least 1');
    else refuseSelection(values, refuse);
    return;
  }
  if (!hasFirstStage)
    refuse('model.head', 'model.head tau_normalized is made of a trained classifier; give a first stage (stages)');
  if (train.epochs !== undefined && train.epochs > 0)
    refuse(
      'train.epochs',
      'train.epochs must be 0 with model.head tau_normalized, which trains nothing',
      'train.epochs=0',
    );
  refuseSelection(values, refuse);
};

function refuseSelection(values: Values, refuse: Report): void {
  const { select_on: selectOn } = values.eval;
  if (selectOn === undefined || selectOn === 'last') return;
  refuse(
    'eval.select_on',
    'eval.select_on must be last where train.epochs is 0: there are no epochs to choose from',
    'eval.select_on=last',
  );
}

export const checkFrozen: Check = ({ values: { freeze, model }, hasFirstStage }, { refuse }) => {
  if (freeze.backbone === true) {
    if (hasFirstStage || model.weights !== undefined) return;
    refuse(
      'freeze.backbone',
      'freeze.backbone is true, but the backbone has no weights to keep and would stay random; ' +
        'give a first stage (stages) or a file (model.weights)',
    );
  } else if (freeze.batch_stats === true) {
    refuse('freeze.batch_stats', 'freeze.batch_stats needs a frozen backbone; set freeze.backbone to true');
  }
};
