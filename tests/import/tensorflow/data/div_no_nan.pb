
.
aPlaceholder*
dtype0*
shape:
.
bPlaceholder*
dtype0*
shape:
%

div_no_nanDivNoNanab*
T0
"
yIdentity
div_no_nan*
T0"ª