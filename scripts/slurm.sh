#!/usr/bin/env bash
# zoo fit on GPUs of one or more machines under SLURM, through time limits and preemptions:
#
#   sbatch --nodes 8 scripts/slurm.sh --config vgg16 --data.root /data/imagenet/prepared-256
#
# The words after the script are zoo fit's. What sbatch is told wins over the lines below; the cluster's own (partition,
# account) are given the same way, and so is another --ntasks-per-node with --gpus-per-node: one task for each GPU.
# RUN is the run's folder, by default runs/JOBNAME-JOBID, on a disk that all machines share; RUN=folder sbatch ... goes
# on in the folder of another job. ZOO is the command, where it is not the zoo on the PATH. docs/imagenet.md says more.
#
#SBATCH --job-name=zoo
#SBATCH --nodes=1
#SBATCH --ntasks-per-node=8
#SBATCH --gpus-per-node=8
#SBATCH --cpus-per-task=8
#SBATCH --time=24:00:00
#SBATCH --output=%x-%j.out
# A job that SLURM starts again goes on in the same file.
#SBATCH --open-mode=append
#SBATCH --requeue
# Three minutes before the time is over zoo is told so: it saves after the step in hand and ends with status 138. SLURM
# may be a minute early. It gives the tasks of srun the signal, and not this script.
#SBATCH --signal=USR1@180
set -uo pipefail

: "${SLURM_NTASKS_PER_NODE:?give --ntasks-per-node, one task for each GPU of a machine}"
RUN=${RUN:-runs/$SLURM_JOB_NAME-$SLURM_JOB_ID}
# What sbatch was told of CPUs reaches srun only so.
export SRUN_CPUS_PER_TASK=${SLURM_CPUS_PER_TASK:-1}
# Nor are tasks bound to cores of their own below: zoo shares a machine's cores out among its processes by itself.

# --resume starts the run where RUN holds none yet, and goes on from its last checkpoint where it does.
srun --cpu-bind=none "${ZOO:-zoo}" fit "$@" --resume "$RUN" \
    --trainer.num_nodes "$SLURM_NNODES" --trainer.devices "$SLURM_NTASKS_PER_NODE"
status=$?

# 128 and the number of SIGUSR1. Any other status stays: the run is over (0), cannot go on (1, 2), was cancelled (143).
if [ "$status" -eq 138 ]; then
    scontrol requeue "$SLURM_JOB_ID" && exit 0
fi
exit "$status"
