"""Prints the loss of distillation and its gradient by PyTorch, for test/train/distillation.test.ts."""
import torch
from torch.nn.functional import cross_entropy, softmax

weight, temperature = 0.3, 3.0
labels = torch.tensor([2, 0, 1])
logits = torch.tensor([[0.5, -1.25, 3, 0], [2, 1, -2, 0.5], [60, -80, 7, 0.25]], requires_grad=True)
teachers = torch.tensor([[[1, 0, 4, -1], [3, -2, 1, 0], [0.5, 2, -1, 1]], [[0, 0, 2, 2], [1, 1, 5, -3], [9, 2, 0, 1.0]]])
taught = softmax(teachers / temperature, -1).mean(0)
hard = cross_entropy(logits, labels)
soft = cross_entropy(logits / temperature, taught)
loss = (1 - weight) * hard + weight * temperature**2 * soft
loss.backward()
print(torch.__version__, loss.item(), logits.grad.flatten().tolist(), sep="\n")
