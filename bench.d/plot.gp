# The ratios as a picture: each pair of runs a dot, the median a bar, the goal a
# line.  Given: ratios, rows (files), count (of rows), title and output.
set terminal pngcairo size 1100, 140 + 46 * count font "sans,11" noenhanced
set output output
set title title
set xlabel "ours / what it is compared with (less is better)"
set ylabel ""
set yrange [count + 0.5 : 0.5]
set grid xtics
set key outside bottom center horizontal
set style fill solid 0.35 noborder
# 1 is a reference for the eye; the axis reaches whatever was measured.
set arrow from first 1, graph 0 to first 1, graph 1 nohead linecolor "gray40" dashtype 2
plot rows using 3:1:(0):3:($1 - 0.3):($1 + 0.3):yticlabels(2) with boxxyerror linecolor "steelblue" title "median", \
     ratios using 2:($1 + 0.12 * (rand(0) - 0.5)) with points pointtype 7 pointsize 0.6 linecolor "gray30" title "pair of runs", \
     rows using 4:($1 - 0.38):(0):(0.76) with vectors nohead linecolor "red" linewidth 2 title "goal"
