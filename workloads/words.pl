# Hashes of arrays, grown, inverted, partly deleted.
use strict;
use warnings;
my (%count, %places);
my $state = 1;
for my $i (1 .. 600_000) {
    $state = ($state * 1103515245 + 12345) % 2147483648;
    my $word = "w" . ($state % 50_021);
    $count{$word}++;
    push @{$places{$word}}, $i;
}
my @order = sort { $count{$b} <=> $count{$a} || $a cmp $b } keys %count;
delete $places{$_} for @order[0 .. $#order / 2];
my %inverse;
push @{$inverse{$count{$_}}}, $_ for @order;
print scalar(@order), " ", scalar(keys %places), " ", scalar(keys %inverse), "\n";
