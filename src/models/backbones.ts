/** The backbones that a config can name. A backbone of a known family is a new line here. */

export interface CifarResNet {
  readonly family: 'cifar_resnet';
  /** 6n + 2, such as 20, 32, 44, 56. */
  readonly depth: number;
}

export interface ResNet {
  readonly family: 'resnet';
  /** basic: two 3×3 convolutions. bottleneck: 1×1, 3×3 and 1×1, the last with four times the channels. */
  readonly block: 'basic' | 'bottleneck';
  /** Blocks of the four stages. */
  readonly depths: readonly [number, number, number, number];
  /** ResNeXt: groups of the 3×3 convolution of a bottleneck, and channels per group in the first stage. */
  readonly groups?: number;
  readonly groupWidth?: number;
}

/** Networks that torchvision has carry torchvision's names. */
export const backbones = {
  resnet20: { family: 'cifar_resnet', depth: 20 },
  resnet32: { family: 'cifar_resnet', depth: 32 },
  resnet44: { family: 'cifar_resnet', depth: 44 },
  resnet56: { family: 'cifar_resnet', depth: 56 },
  resnet10: { family: 'resnet', block: 'basic', depths: [1, 1, 1, 1] },
  resnet18: { family: 'resnet', block: 'basic', depths: [2, 2, 2, 2] },
  resnet34: { family: 'resnet', block: 'basic', depths: [3, 4, 6, 3] },
  resnet50: { family: 'resnet', block: 'bottleneck', depths: [3, 4, 6, 3] },
  resnet101: { family: 'resnet', block: 'bottleneck', depths: [3, 4, 23, 3] },
  resnet152: { family: 'resnet', block: 'bottleneck', depths: [3, 8, 36, 3] },
  resnext50_32x4d: { family: 'resnet', block: 'bottleneck', depths: [3, 4, 6, 3], groups: 32, groupWidth: 4 },
} as const satisfies Readonly<Record<string, CifarResNet | ResNet>>;

export type BackboneName = keyof typeof backbones;

export const backboneNames = Object.keys(backbones) as [BackboneName, ...BackboneName[]];

/** The names of a family, in the order of the table. */
export function namesOfFamily(family: (CifarResNet | ResNet)['family']): BackboneName[] {
  return backboneNames.filter(name => backbones[name].family === family);
}
