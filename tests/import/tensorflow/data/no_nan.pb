
.
aPlaceholder*
dtype0*
shape:
.
bPlaceholder*
dtype0*
shape:
#
MulNoNanMulNoNanab*
T0

XdivyXdivyba*
T0

AbsAbsa*
T0

XlogyXlogybAbs*
T0

Abs_1Absa*
T0
%
Xlog1pyXlog1pybAbs_1*
T0
#
DivNoNanDivNoNanab*
T0
 
yIdentityMulNoNan*
T0

y1IdentityXdivy*
T0

y2IdentityXlogy*
T0
 
y3IdentityXlog1py*
T0
!
y4IdentityDivNoNan*
T0"ª