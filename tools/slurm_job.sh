#!/usr/bin/env bash
# Batch job of slurm_train.sh: run srun with these arguments, and resume after a requeue.
#
# Slurm runs a copy of this file, which therefore sources no other.
set -u
((${SLURM_RESTART_COUNT:-0} > 0)) && set -- "$@" --resume
srun --kill-on-bad-exit=1 "$@" &
task=$!

# Slurm signals this shell before the time limit; srun passes the signal on to its tasks.
stopped=
trap 'stopped=yes; kill -USR1 "$task"' USR1
# Slurm sends it to all processes of a preempted job, and requeues the job by itself.
trap : TERM

code=0
while kill -0 "$task" 2> /dev/null; do
    wait "$task" # ends also when this shell receives a signal
    code=$?
done
if [[ $stopped ]] && ((code != 0)); then
    scontrol requeue "$SLURM_JOB_ID"
fi
exit "$code"
