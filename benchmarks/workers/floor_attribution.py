"""What torch alone takes for input x gradient: one forward pass, one backward pass, one product."""

import torch
from network import contrast, network, sequence
from serve import serve, task


@task()
def ready(length, width):
    network(width)(sequence(length)[:, :, :1024])


@task()
def one(length, width):
    points = sequence(length).clone().requires_grad_()
    value = contrast(network(width)(points), 0)
    (slope,) = torch.autograd.grad(value.sum(), points)
    float(value.detach()[0])
    return (slope * points.detach())[0].numpy()


@task()
def gene(length, width):
    one(length, width)


serve()
