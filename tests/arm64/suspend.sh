#!/bin/sh
# The machine sleeps for 20 s right after the app was asked to stop. It needs 3 s and is given 8: time that nobody had does not count.
unshare -p -f -m --mount-proc /stepdown --user=10001:10001 --grace=8s -- /bin/sh -c '
    trap "sleep 3; exit 7" TERM
    while :; do sleep 1; done' &
started=$!
sleep 2
kill -TERM "$(pidof stepdown)"
before=$(date +%s)
echo +20 >/sys/class/rtc/rtc0/wakealarm
echo freeze >/sys/power/state || exit 99
echo "slept $(($(date +%s) - before)) s"
wait $started
