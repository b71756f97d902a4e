"""Train a Wasserstein GAN with a gradient penalty, in a `train_step` that is written for each backend."""

import keras
import numpy as np
from keras import layers, ops

keras.utils.set_random_seed(35)
rng = np.random.default_rng(35)

LATENT = 4


class WGAN(keras.Model):
    """Update critic and generator at the same time, each with the gradients of its own loss."""

    def __init__(self, critic, generator, penalty=1.0, **kwargs):
        super().__init__(**kwargs)
        self.critic, self.generator, self.penalty = critic, generator, penalty
        self.seed_generator = keras.random.SeedGenerator(36)
        self.trackers = [keras.metrics.Mean(name="critic_loss"), keras.metrics.Mean(name="generator_loss")]

    def call(self, latent):
        return self.generator(latent)

    def both_losses(self, real, slopes_at):
        """Return the losses of critic and generator; `slopes_at` differentiates the critic by points."""
        rows = ops.shape(real)[0]
        fake = self.generator(keras.random.normal((rows, LATENT), seed=self.seed_generator))
        fixed = ops.stop_gradient(fake)
        share = keras.random.uniform((rows, 1), seed=self.seed_generator)
        slopes = slopes_at(share * real + (1 - share) * fixed)
        penalty = ops.mean(ops.square(ops.sqrt(ops.sum(ops.square(slopes), axis=1) + 1e-6) - 1))
        critic_loss = ops.mean(self.critic(fixed)) - ops.mean(self.critic(real)) + self.penalty * penalty
        return critic_loss, -ops.mean(self.critic(fake))

    def logged(self, losses):
        for tracker, loss in zip(self.trackers, losses, strict=True):
            tracker.update_state(loss)
        return {tracker.name: tracker.result() for tracker in self.trackers}


class TensorFlowWGAN(WGAN):
    """Differentiate with gradient tapes."""

    def train_step(self, real):
        import tensorflow as tf

        def slopes_at(points):
            with tf.GradientTape() as tape:
                tape.watch(points)
                values = self.critic(points)
            return tape.gradient(values, points)

        with tf.GradientTape(persistent=True) as tape:
            losses = self.both_losses(real, slopes_at)
        parts = zip(losses, (self.critic, self.generator), strict=True)
        gradients = [gradient for loss, part in parts for gradient in tape.gradient(loss, part.trainable_variables)]
        self.optimizer.apply(gradients, self.trainable_variables)
        return self.logged(losses)


class TorchWGAN(WGAN):
    """Differentiate with autograd."""

    def train_step(self, real):
        import torch

        def slopes_at(points):
            points.requires_grad_()
            return torch.autograd.grad(self.critic(points).sum(), points, create_graph=True)[0]

        losses, gradients = self.both_losses(real, slopes_at), []
        for loss, part in zip(losses, (self.critic, self.generator), strict=True):
            values = [variable.value for variable in part.trainable_variables]
            gradients += torch.autograd.grad(loss, values, retain_graph=True, allow_unused=True)
        with torch.no_grad():
            self.optimizer.apply(gradients, self.trainable_variables)
        return self.logged([loss.detach() for loss in losses])


class JaxWGAN(WGAN):
    """Differentiate functions of the state."""

    def train_step(self, state, real):
        import jax

        trainable, non_trainable, optimizer_variables, metrics = state

        def slopes_at(points):
            return jax.grad(lambda points: ops.sum(self.critic(points)))(points)

        def losses_of(trainable):
            variables, values = self.trainable_variables + self.non_trainable_variables, [*trainable, *non_trainable]
            with keras.StatelessScope(list(zip(variables, values, strict=True))) as scope:
                losses = self.both_losses(real, slopes_at)
            return losses, [scope.get_current_value(variable) for variable in self.non_trainable_variables]

        (losses, non_trainable_after), differentiate = losses_of(trainable), jax.grad
        by_critic = differentiate(lambda trainable: losses_of(trainable)[0][0])(trainable)
        by_generator = differentiate(lambda trainable: losses_of(trainable)[0][1])(trainable)
        count = len(self.critic.trainable_variables)
        gradients = [*by_critic[:count], *by_generator[count:]]
        trainable, optimizer_variables = self.optimizer.stateless_apply(optimizer_variables, gradients, trainable)
        with keras.StatelessScope(list(zip(self.metrics_variables, metrics, strict=True))) as scope:
            logs = self.logged(losses)
        metrics = [scope.get_current_value(variable) for variable in self.metrics_variables]
        return logs, (trainable, non_trainable_after, optimizer_variables, metrics)


angles = rng.uniform(0, 2 * np.pi, 128)
points = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype("float32")
critic = keras.Sequential([keras.Input((2,)), layers.Dense(12, activation="softplus"), layers.Dense(1)])
generator = keras.Sequential([keras.Input((LATENT,)), layers.Dense(12, activation="tanh"), layers.Dense(2)])

kinds = {"tensorflow": TensorFlowWGAN, "torch": TorchWGAN, "jax": JaxWGAN}
model = kinds[keras.backend.backend()](critic, generator)
model.build((None, LATENT))
model.compile(keras.optimizers.Adam(5e-3, beta_1=0.0, beta_2=0.9, epsilon=1e-4))
model.fit(points, batch_size=32, epochs=3, shuffle=False, verbose=0)
model.predict(rng.normal(size=(20, LATENT)).astype("float32"), verbose=0)
