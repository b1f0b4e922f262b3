
>
xConst*
dtype0*%
valueB"äGT»·…u¿‰8@¿½JH¿
R
yConst*
dtype0*9
value0B." pWþ>·…µ¿ÎTà¿½J(ÀpWþ>·…µ¿ÎTà¿½J(À"ª