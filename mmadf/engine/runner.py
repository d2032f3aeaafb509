"""MMEngine's FlexibleRunner with checkpoints that say how far training got."""

import os
from typing import Optional

from mmengine.registry import RUNNERS  # the Runner is built before any scope is set
from mmengine.runner import FlexibleRunner


@RUNNERS.register_module()
class ResumableFlexibleRunner(FlexibleRunner):
    """MMEngine's FlexibleRunner, which runs strategies, resuming at the right epoch.

    After a validation with a new best score the host's hook saves the checkpoint of
    the epoch once more. FlexibleRunner, unlike Runner, then counts the epoch twice,
    and a training resumed from there leaves one out. Takes the arguments of
    FlexibleRunner.
    """

    def save_checkpoint(
        self,
        out_dir: str,
        filename: str,
        file_client_args: Optional[dict] = None,
        save_optimizer: bool = True,
        save_param_scheduler: bool = True,
        meta: Optional[dict] = None,
        by_epoch: bool = True,
        backend_args: Optional[dict] = None,
    ) -> None:
        """Let the strategy save a checkpoint.

        Args:
            out_dir: local folder.
            filename: name in it.
            file_client_args: not used, the strategies write local files.
            save_optimizer: whether to save the optimizer.
            save_param_scheduler: whether to save the schedules.
            meta: facts about the run; its `epoch` and `iter` count, if given.
            by_epoch: whether an epoch, else an iteration, is about to be counted.
            backend_args: not used, as `file_client_args`.
        """
        progress = dict(epoch=self.epoch + by_epoch, iter=self.iter + (not by_epoch))
        meta = {**progress, **(meta or {})}
        meta.update(cfg=self.cfg.pretty_text, experiment_name=self.experiment_name)
        if hasattr(self.train_dataloader.dataset, 'metainfo'):
            meta['dataset_meta'] = self.train_dataloader.dataset.metainfo
        self.strategy.save_checkpoint(
            os.path.join(out_dir, filename),
            save_optimizer=save_optimizer,
            save_param_scheduler=save_param_scheduler,
            extra_ckpt=dict(meta=meta, message_hub=self.message_hub.state_dict()),
            callback=lambda c: self.call_hook('before_save_checkpoint', checkpoint=c),
        )
