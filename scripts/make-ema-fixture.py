"""Prints torch.optim.swa_utils.AveragedModel's averages of some weights, for test/train/weightAverage.test.ts."""
import torch
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

weights = [[0.5, -1.25, 3], [0.25, -1, 2.5], [0.75, -0.5, 2], [-0.125, 0.0625, 1]]
model = torch.nn.Module()
model.w = torch.nn.Parameter(torch.tensor(weights[0]))
averaged = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(0.9))
averaged.update_parameters(model)  # the first call copies: the average begins with the first row
for row in weights[1:]:
    model.w.data = torch.tensor(row)
    averaged.update_parameters(model)
print(torch.__version__, averaged.module.w.tolist())
