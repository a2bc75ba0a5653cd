"""Prints what torch.optim.AdamW makes of a sequence of gradients, step by step, for test/optim/adamw.test.ts."""
import torch

gradients = [[0.5, -1.25, 3], [0.25, -1, 2.5], [-0.75, 0.5, 2], [1e-4, 0, -1]]
rates = [0.1, 0.1, 0.03, 0.01]
w = torch.nn.Parameter(torch.tensor([1, -2, 0.5]))
optimizer = torch.optim.AdamW([w], betas=(0.9, 0.99), weight_decay=0.05)
print(torch.__version__)
for gradient, rate in zip(gradients, rates):
    optimizer.param_groups[0]["lr"] = rate
    w.grad = torch.tensor(gradient)
    optimizer.step()
    state = optimizer.state[w]
    print([x.tolist() for x in (w.data, state["exp_avg"], state["exp_avg_sq"])])
