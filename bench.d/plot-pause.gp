# Pauses over the memory of the guest, ours and stock's: each sample a dot, the medians
# a line.  Given: medians, samples (files), title and output.
set terminal pngcairo size 800, 500 font "sans,11" noenhanced
set output output
set title title
set xlabel "memory that is filled, GiB"
set ylabel "the guest stands still, ms"
set logscale y
set xrange [0:*]
set yrange [1:*]
set grid xtics ytics
set key outside bottom center horizontal
plot medians using 1:3 with linespoints linecolor "gray40" linewidth 2 pointtype 5 title "stock", \
     samples using 1:3 with points linecolor "gray40" pointtype 7 pointsize 0.6 notitle, \
     medians using 1:2 with linespoints linecolor "steelblue" linewidth 2 pointtype 5 title "ours, live", \
     samples using 1:2 with points linecolor "steelblue" pointtype 7 pointsize 0.6 notitle
