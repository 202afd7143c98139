#!/bin/sh
# The app fills the pipe of the log whenever it has room, and leaves an orphan after the other, of each of which PID 1 says a line. A few pages
# become free at a time, and PID 1 must never be found waiting for one that it saw. Ends with its status.
mkfifo /tmp/log
exec 3<>/tmp/log
unshare -p -f -m --mount-proc /stepdown --user=10001:10001 --log-orphans --drain=1s -- /bin/sh -c '
    trap "exit 7" TERM
    (while :; do (true &); done) &
    yes >&2 & yes >&2 & yes >&2 &
    wait' 2>/tmp/log &
started=$!
sleep 2
pid_1=$(pidof stepdown)
turns=0
while [ $turns -lt 600 ]; do
    dd bs=4096 count=3 <&3 >/dev/null 2>&1
    sleep 0.05
    if grep -q pipe_write "/proc/$pid_1/wchan"; then
        echo "PID 1 waits for the pipe, turn $turns"
        kill -KILL "$pid_1"
        exit 99
    fi
    turns=$((turns + 1))
done
kill -TERM "$pid_1"
wait $started
